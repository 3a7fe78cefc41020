import { live } from '../../core/live';
import type { Status } from '../../core/types';

// Changes of the broker's state, which only follow from having listened: they begin
// when the page is loaded.

export const statuses: Status[] = [];

live.status.on((s) => {
  const last = statuses.at(-1);
  if (!s || (last && last.nats === s.value.nats && last.js === s.value.js)) return;
  statuses.push(s.value);
  if (statuses.length > 50) statuses.shift();
});
const known = live.status.get();
if (known) statuses.push(known.value);
