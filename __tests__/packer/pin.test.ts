import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pin } from '../../packer/pin';
import { readVariables, type Settings, settingsOf } from '../../packer/variables';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('Pinning', () => {
  let folder: string;
  let server: Server;
  let asked: string[];
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
    asked = [];
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      if (url.includes('9.9.9')) response.writeHead(404).end();
      else response.end(`content of ${url}`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    server.close();
  });

  const file = () => path.join(folder, 'checksums.auto.pkrvars.json');
  async function settings(...assignments: string[]): Promise<Settings> {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const urls = [
      `mount_s3_url=${origin}/m-{version}-{architecture}.rpm`,
      `hfsubset_url=${origin}/h-{version}-{goarch}.tgz`,
    ];
    const given = [...urls, 'sha256={}', ...assignments];
    const sources = { folder, files: [], fallbacks: {}, environment: {}, assignments: given };
    return settingsOf(await readVariables(sources));
  }

  it('writes down the sums of both architectures', async () => {
    await pin(await settings(), file());

    const names = ['m-1.14.0-arm64.rpm', 'h-1.1.0-arm64.tgz', 'm-1.14.0-x86_64.rpm', 'h-1.1.0-amd64.tgz'];
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({
      sha256: Object.fromEntries(names.map((name) => [name, sha256(`content of /${name}`)])),
    });
  });

  it('leaves sums that are there, without asking again', async () => {
    const known = 'sha256={"m-1.14.0-arm64.rpm" = "trusted"}';

    await pin(await settings(known), file());

    expect(JSON.parse(readFileSync(file(), 'utf8')).sha256).toMatchObject({ 'm-1.14.0-arm64.rpm': 'trusted' });
    expect(asked).toEqual(['/h-1.1.0-arm64.tgz', '/m-1.14.0-x86_64.rpm', '/h-1.1.0-amd64.tgz']);
  });

  it('writes nothing when a file is not to be had', async () => {
    const wrong = await settings('hfsubset_version=9.9.9');

    await expect(pin(wrong, file())).rejects.toThrow(
      /\/h-9\.9\.9-arm64\.tgz cannot be downloaded: the server answers 404\. Check the version, and the network\./,
    );
    expect(existsSync(file())).toBe(false);
  });

  it('says why a server cannot be reached', async () => {
    const wrong = await settings('mount_s3_url=http://127.0.0.1:1/m-{version}-{architecture}.rpm');

    await expect(pin(wrong, file())).rejects.toThrow(/cannot be downloaded: .*(ECONNREFUSED|bad port)/);
  });
});
