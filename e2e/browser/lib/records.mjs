// Heka messages, as clients send them: see heka/message.proto.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

function varint(n) {
  const bytes = [];
  for (n = BigInt(n); n > 127n; n >>= 7n) bytes.push(Number(n & 127n) | 128);
  return Buffer.from([...bytes, Number(n)]);
}
const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
function bytes(field, value) {
  const data = Buffer.from(value);
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

// message encodes a record; fields are strings, or bigints that are integers. It has a uuid and the present time.
export function message({ type = 'app', logger = 'test', severity = 6, payload, hostname = 'web-1', fields = {}, at = Date.now() }) {
  return Buffer.concat([
    bytes(1, randomBytes(16)), number(2, BigInt(at) * 1_000_000n), bytes(3, type), bytes(4, logger), number(5, severity), bytes(6, payload), bytes(9, hostname),
    ...Object.entries(fields).map(([name, value]) => bytes(10, Buffer.concat([bytes(1, name), typeof value === 'bigint' ? Buffer.concat([number(2, 2), number(6, BigInt.asUintN(64, value))]) : bytes(4, value)]))),
  ]);
}

// frame puts Heka's stream framing around a message.
export function frame(body) {
  const header = number(1, body.length);
  return Buffer.concat([Buffer.from([0x1e, header.length]), header, Buffer.from([0x1f]), body]);
}

// send sends records to a tcp_receiver and returns when they are on their way.
export async function send(address, ...records) {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  socket.end(Buffer.concat(records.map((r) => frame(message(r)))));
  await once(socket, 'close');
}
