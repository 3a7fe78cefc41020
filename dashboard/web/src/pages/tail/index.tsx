import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Tail() {
  return <Page title="Live tail"><Empty title="Live tail is not there yet" /></Page>;
}
