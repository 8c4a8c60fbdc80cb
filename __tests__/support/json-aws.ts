import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An answer of an operation; a function gets the request and may count. Text is the name of an error. `xml` is an answer
 * of EC2, whose protocol is another.
 */
export type Answer = string | object | ((input: Record<string, unknown>) => string | object);

/**
 * A server that speaks AWS's JSON protocols, and for EC2 XML: each operation has an answer, and every other one is refused.
 *
 * @returns the environment that makes a command ask it, the operations that were asked for, and what ends it
 */
export async function jsonAws(answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const target = request.headers['x-amz-target'] ?? new URLSearchParams(body).get('Action');
      const operation = String(target).split('.').at(-1) ?? '';
      asked.push(operation);
      const given = answers[operation] ?? 'AccessDeniedException';
      const answer = typeof given === 'function' ? given(body.startsWith('{') ? JSON.parse(body) : {}) : given;
      const isError = typeof answer === 'string';
      if (!isError && 'xml' in answer) {
        response.writeHead(200, { 'content-type': 'text/xml' }).end(answer.xml);
        return;
      }
      response.writeHead(isError ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(isError ? { __type: answer, message: `${operation} is not allowed` } : answer));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  return { env, asked, close: () => server.close() };
}
