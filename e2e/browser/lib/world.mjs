// What the tests look at: the whole in one process, or each program by itself.
import { Program, folder, freePort } from './process.mjs';

// relay starts local_relay and returns where it listens.
export async function relay(env = {}) {
  const any = '127.0.0.1:0';
  const program = new Program('local_relay', {
    env: {
      RELAY_DATA_DIR: folder(), RELAY_NATS_ADDRESS: any, RELAY_STORE_ADDRESS: any, RELAY_STATS_ADDRESS: any,
      TCPRCVR_BIND_ADDRESS: any, RCVR_BIND_ADDRESS: any, PROXY_HTTP_PORT: '0', ...env,
    },
  }).start();
  const said = await program.says(/Heka frames +(\S+)\s+HTTP +(\S+)\s+dashboard +(\S+)[^]*NATS +\S*:(\d+)\s+health +(\S+)\/ready/);
  return { program, tcp: said[1], http: said[2], url: said[3], natsPort: Number(said[4]), admin: said[5] };
}

// suite prepares the programs as processes of their own, none of them started:
//
//	const s = await suite({ ESSUB_REMOTE_URL: sink.url });
//	await s.start('nats', 'proxy', 'receiver', 'subscriber');
//
// Each has the same address whenever it is started.
export async function suite(env = {}) {
  const ports = [];
  while (ports.length < 6) ports.push(await freePort());
  const [nats, http, tcp, monitor, stats1, stats2] = ports;
  const common = (prefix) => ({ [`${prefix}_NATS_URL`]: `nats://127.0.0.1:${nats}` });
  const own = (prefix) => Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith(`${prefix}_`)));
  const jetstream = ['-js', '-sd', folder()], dir = ['-a', '127.0.0.1', '-p', nats, '-m', monitor];
  const programs = {
    nats: new Program('nats-server', { args: [...dir, ...jetstream] }),
    plain: new Program('nats-server', { args: dir }), // NATS without JetStream, at the same address
    proxy: new Program('stats_proxy', { env: { ...common('PROXY'), PROXY_HTTP_PORT: String(http), ...own('PROXY') } }),
    receiver: new Program('tcp_receiver', { env: { ...common('TCPRCVR'), TCPRCVR_BIND_ADDRESS: `127.0.0.1:${tcp}`, TCPRCVR_STATS_ADDRESS: `127.0.0.1:${stats1}`, ...own('TCPRCVR') } }),
    subscriber: new Program('es_subscriber', { env: { ...common('ESSUB'), ESSUB_STATS_ADDRESS: `127.0.0.1:${stats2}`, ...own('ESSUB') } }),
  };
  const health = { nats: `http://127.0.0.1:${monitor}/healthz`, plain: `http://127.0.0.1:${monitor}/healthz`, proxy: `http://127.0.0.1:${http}/health`, receiver: `http://127.0.0.1:${stats1}/ready`, subscriber: `http://127.0.0.1:${stats2}/ready` };
  return {
    ...programs, tcp: `127.0.0.1:${tcp}`, url: `http://127.0.0.1:${http}/`, natsPort: nats, monitor: `http://127.0.0.1:${monitor}`,
    async start(...names) {
      for (const name of names) await programs[name].start().answers(health[name]);
    },
  };
}

// generate starts log_generator; sent is how many records it says it has sent
// once it has ended.
export function generate(address, env = {}) {
  const program = new Program('log_generator', { env: { GEN_ADDRESS: address, ...env } }).start();
  program.sent = async () => Number((await program.says(/^sent (\d+) records/m))[1]);
  return program;
}
