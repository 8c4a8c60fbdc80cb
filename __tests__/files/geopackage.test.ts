import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contains, featuresOf, layersOf } from '../../files/geopackage';
import { PRODUCT } from '../../files/product';
import { openSqlite } from '../../files/sqlite';

const AREAS = join(PRODUCT, 'local/examples/bison/input/aiannh.gpkg');
const COUNTIES = join(PRODUCT, 'local/examples/bison/input/county.gpkg');

const folder = mkdtempSync(join(tmpdir(), 'geopackage-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('reads the features of a layer with their attributes', () => {
  expect(layersOf(COUNTIES)).toEqual(['county']);
  const counties = featuresOf(COUNTIES, 'county');

  expect(counties).toHaveLength(9);
  expect(counties[0]?.attributes).toEqual({
    fid: 1,
    STUSPS: 'KS',
    NAME: 'Douglas',
    NAMELSAD: 'Douglas County',
    GEOID: '20045',
  });
  expect(counties[0]?.bounds).toEqual([-95.5, 38.7, -95, 39.1]);
});

test('a boundary is inside, and a hole outside', () => {
  const [navajo] = featuresOf(AREAS, 'aiannh');
  const inside = (x: number, y: number) => navajo && contains(navajo, x, y);

  expect(inside(-109.5, 35.8)).toBe(true);
  expect(inside(-110.1, 35.8)).toBe(false);
  expect(inside(-110.6, 35.8)).toBe(true);
  expect(inside(-109.5, 35)).toBe(true);
  expect(inside(-110.3, 35.8)).toBe(true);
  expect(inside(-112, 35.8)).toBe(false);
  expect(inside(-109.5, 34.9)).toBe(false);
});

test('says which layers there are, where the layer is not', () => {
  expect(() => featuresOf(AREAS, 'county')).toThrow(/aiannh\.gpkg has no layer 'county': it has aiannh\./);
});

test('says of another file what it is not', () => {
  const text = join(folder, 'text.gpkg');
  writeFileSync(text, 'this is no database');

  expect(() => layersOf(text)).toThrow(`${text} is no SQLite database.`);
});

test('says of a file that was cut off that it ends too early', () => {
  const cut = join(folder, 'cut.gpkg');
  writeFileSync(cut, require('node:fs').readFileSync(AREAS).subarray(0, 3000));

  expect(() => layersOf(cut)).toThrow(`${cut} ends too early.`);
});

test('a table that is none of the file is named', () => {
  const file = openSqlite(AREAS);
  expect(() => [...file.rows('none')]).toThrow(/has no table 'none'/);
  file.close();
});
