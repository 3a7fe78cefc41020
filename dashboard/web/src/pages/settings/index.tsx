import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Settings() {
  return <Page title="Settings"><Empty title="Settings is not there yet" /></Page>;
}
