import { readFileSync } from 'node:fs';
import { updatePrices } from '../../cli/commands/cost-prices';
import { knownPrices, pricesFile } from '../../cli/price-list';
import { PRICE_LIST } from '../../prices/instances';
import { inNewFolders } from '../support/cli';
import { recordedPrices } from '../support/recorded-prices';

const { file, path } = inNewFolders();

const OWN = { as_of: '2026-11-01', source: 'mine', gp3_gb_month: 0.1, ipv4_hour: 0.005, on_demand: {}, spot: {} };

describe('The price list', () => {
  it('is a file of the checkout, and in the npm package one of the user, which an update of the package leaves', () => {
    expect(pricesFile('/checkout', '/checkout')).toBe('/checkout/prices/list.json');
    expect(pricesFile('/home/me/app/node_modules/cdktf-datastream', '/home/me/app')).toBe(
      '/home/me/app/datastream.prices.json',
    );
  });

  it("is the product's where the user has none, and the user's own where there is one", () => {
    expect(knownPrices(path('none.json'))).toEqual(PRICE_LIST);
    const known = knownPrices(path(file('own.json', { 'us-east-1': OWN, 'eu-west-1': OWN })));
    expect(known['us-east-1']).toEqual(OWN);
    expect(known['eu-west-1']).toEqual(OWN);
    expect(knownPrices(path(file('other.json', { 'eu-west-1': OWN })))['us-east-1']).toEqual(PRICE_LIST['us-east-1']);
  });

  it('is made by an update, which a later command reads', async () => {
    const out = { write: () => true };

    await updatePrices('eu-west-1', out, out, path('new.json'), new Date('2026-11-28T00:00:00Z'), recordedPrices());

    expect(Object.keys(JSON.parse(readFileSync(path('new.json'), 'utf8')))).toEqual(['eu-west-1']);
    expect(knownPrices(path('new.json'))['eu-west-1']?.on_demand['m8g.large']).toBe(0.10032);
  });

  it('says what is wrong with a file that somebody has changed', () => {
    const name = file('own.json', { 'us-east-1': { ...OWN, ipv4_hour: 'cheap' } });

    expect(() => knownPrices(path(name))).toThrow(
      /own\.json: 'us-east-1\.ipv4_hour' is no price: delete the file, and/,
    );
    expect(() => knownPrices(path(file('bad.json', '{')))).toThrow(/bad\.json/);
  });
});
