// A far end that takes _bulk requests as Elasticsearch does, and can be hurt.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after } from 'node:test';

// sink listens on a free port. Its members may be set at any time:
//
//	fail    status that every request is answered with, 0: none
//	refuse  returns the error of a document, { status, type, reason }, or nothing
//
// documents is what it has taken, by id; posts counts requests.
export async function sink() {
  const self = { fail: 0, refuse: () => null, documents: new Map(), posts: 0 };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    response.setHeader('Content-Type', 'application/json');
    if (self.fail) return response.writeHead(self.fail).end('{"error":{"type":"unavailable","reason":"as the test wants it"}}');
    if (!request.url.includes('/_bulk')) return response.end('{"acknowledged":true,"version":{"number":"8.0.0","build_flavor":"default"}}');
    self.posts++;
    const lines = body.trimEnd().split('\n'), items = [];
    for (let i = 0; i < lines.length; i += 2) {
      const { create: { _index, _id } } = JSON.parse(lines[i]), document = JSON.parse(lines[i + 1]);
      const refused = self.refuse(document), known = self.documents.has(_id);
      if (!refused && !known) self.documents.set(_id, document);
      items.push({ create: { _index, _id, ...(refused ? { status: refused.status, error: refused } : known ? { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'exists' } } : { status: 201 }) } });
    }
    response.end(JSON.stringify({ took: 1, errors: items.some((i) => i.create.status >= 300), items }));
  }).listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  after(() => server.closeAllConnections());
  return Object.assign(self, { url: `http://127.0.0.1:${server.address().port}` });
}
