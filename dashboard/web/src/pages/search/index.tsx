import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Search() {
  return <Page title="Search"><Empty title="Search is not there yet" /></Page>;
}
