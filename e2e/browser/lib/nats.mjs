// As much of the NATS protocol as the tests need.
import { once } from 'node:events';
import { connect } from 'node:net';
import { after } from 'node:test';

export async function nats(port) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setMaxListeners(0);
  after(() => socket.destroy());
  const takers = [];
  let rest = Buffer.alloc(0);
  socket.on('data', (part) => {
    rest = Buffer.concat([rest, part]);
    for (let end; (end = rest.indexOf('\r\n')) >= 0;) {
      const [what, subject, taker, ...sizes] = rest.toString('latin1', 0, end).split(' ');
      if (what === 'PING') socket.write('PONG\r\n');
      let next = end + 2;
      if (what === 'MSG') {
        const from = next;
        next += Number(sizes.at(-1)) + 2;
        if (rest.length < next) return;
        takers[Number(taker)](rest.toString('utf8', from, next - 2), subject);
      }
      rest = rest.subarray(next);
    }
  });
  socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
  return {
    // publish returns when the server has it.
    async publish(subject, data, headers = {}) {
      const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join(''), top = head && `NATS/1.0\r\n${head}\r\n`;
      const size = Buffer.byteLength(data), topSize = Buffer.byteLength(top);
      const done = socket.write(`${top ? `HPUB ${subject} ${topSize} ${topSize + size}` : `PUB ${subject} ${size}`}\r\n${top}${data}\r\n`);
      if (!done && !socket.destroyed) await once(socket, 'drain');
    },
    subscribe(subject, take) {
      socket.write(`SUB ${subject} ${takers.push(take) - 1}\r\n`);
    },
  };
}
