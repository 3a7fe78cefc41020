import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Overview() {
  return <Page title="Overview"><Empty title="Overview is not there yet" /></Page>;
}
