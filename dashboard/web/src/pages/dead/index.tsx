import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Dead() {
  return <Page title="Dead letters"><Empty title="Dead letters is not there yet" /></Page>;
}
