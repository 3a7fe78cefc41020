import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Pipeline() {
  return <Page title="Pipeline"><Empty title="Pipeline is not there yet" /></Page>;
}
