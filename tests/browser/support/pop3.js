// Both sides of POP3, as far as these tests need them: a server that takes any login, and a client.
import net from 'node:net';
import { once } from 'node:events';

const WRONG = 'wrong';
/** A password that the server refuses with markup. */
export const HOSTILE = 'hostile';
export const HOSTILE_LINE = '-ERR <img src=x onerror=alert(4)><script>alert(5)</script>';
const MESSAGE = ['Subject: hello', '', 'x'.repeat(400)].join('\r\n');

/** Calls `line` for each line that comes. */
function onLines(socket, line) {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (data) => {
    const lines = (rest + data).split('\r\n');
    rest = lines.pop();
    lines.forEach(line);
  });
  socket.on('error', () => {});
}

/** A server with three messages for everybody; the password `wrong` is wrong. */
export async function startBackend() {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.setNoDelay();
    const say = (...lines) => socket.write(lines.map((it) => `${it}\r\n`).join(''), 'latin1');
    say('+OK ready');
    onLines(socket, (line) => answer(line, say, socket));
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      sockets.forEach((it) => it.destroy());
    },
  };
}

function answer(line, say, socket) {
  const [command, argument] = line.split(' ', 2);
  switch (command.toUpperCase()) {
    case 'CAPA':
      return say('+OK', 'USER', 'UIDL', 'TOP', 'PIPELINING', 'RESP-CODES', 'AUTH-RESP-CODE', '.');
    case 'PASS':
      if (argument === HOSTILE) return say(HOSTILE_LINE);
      return argument === WRONG ? say('-ERR [AUTH] wrong') : say('+OK');
    case 'STAT':
      return say('+OK 3 1200');
    case 'LIST':
      return say('+OK', '1 400', '2 400', '3 400', '.');
    case 'UIDL':
      return say('+OK', '1 a', '2 b', '3 c', '.');
    case 'RETR':
      return say('+OK', MESSAGE, '.');
    case 'QUIT':
      say('+OK');
      return socket.end();
    default:
      return say('+OK');
  }
}

/** A mail program. */
export class Client {
  #lines = [];
  #waiting = null;

  /** @param {string} address of the gate @param {string} from the client's, as a load balancer says it */
  constructor(address, from) {
    const [host, port] = address.split(':');
    this.socket = net.connect({ host, port: Number(port) });
    this.send(`PROXY TCP4 ${from} 192.0.2.1 4711 110`);
    this.closed = once(this.socket, 'close').catch(() => {});
    onLines(this.socket, (line) => {
      this.#lines.push(line);
      this.#waiting?.();
    });
  }

  /** Connects and logs in; the answer to PASS is for `answer`. `user` is octets. */
  static async login(address, user, { from = '203.0.113.1', password = 'secret' } = {}) {
    const client = new Client(address, from);
    await client.answer();
    client.send(`USER ${user}`);
    await client.answer();
    client.send(`PASS ${password}`);
    return client;
  }

  /** Connects, logs in and is in the mailbox. */
  static async inside(address, user, options) {
    const client = await Client.login(address, user, options);
    const line = await client.answer();
    if (!line.startsWith('+OK')) throw new Error(`not logged in: ${line}`);
    return client;
  }

  send(line) {
    this.socket.write(`${line}\r\n`, 'latin1');
  }

  /** The next line of the server. */
  async answer() {
    while (this.#lines.length === 0) {
      const came = new Promise((resolve) => (this.#waiting = resolve));
      const isOver = await Promise.race([came, this.closed.then(() => 'over')]);
      if (isOver === 'over' && this.#lines.length === 0) throw new Error('the connection was closed');
    }
    return this.#lines.shift();
  }

  async command(line) {
    this.send(line);
    return this.answer();
  }

  /** As a mail program ends: with QUIT. */
  async quit() {
    await this.command('QUIT');
    await this.closed;
  }

  leave() {
    this.socket.destroy();
  }
}
