import { Empty } from '../../ui/parts';
import { Page } from '../../ui/Shell';

export default function Consumers() {
  return <Page title="Consumers"><Empty title="Consumers is not there yet" /></Page>;
}
