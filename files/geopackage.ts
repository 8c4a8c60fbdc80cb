import { NoSqlite, openSqlite, type SqliteFile, type SqliteRow } from './sqlite';

/** A ring of a polygon: its corners, x before y. The last one is the first. */
type Ring = readonly (readonly [number, number])[];
/** A polygon: its outer ring, and those of its holes. */
export type Polygon = readonly Ring[];

/** A feature of a layer: its attributes, and where it is. */
export interface Feature {
  readonly attributes: SqliteRow;
  readonly polygons: readonly Polygon[];
  /** The least and the greatest x and y. */
  readonly bounds: readonly [number, number, number, number];
}

/**
 * The names of the feature layers of a GeoPackage (OGC 12-128r19, 2.1 Features).
 *
 * @throws NoSqlite if the file is no GeoPackage
 */
export function layersOf(path: string): string[] {
  return within(path, (file) => layers(file));
}

/**
 * The features of a layer, with polygons in the order x, y.
 *
 * @throws NoSqlite if the file is no GeoPackage or has no such layer
 */
export function featuresOf(path: string, layer: string): Feature[] {
  return within(path, (file) => {
    if (!layers(file).includes(layer)) {
      throw new NoSqlite(`${path} has no layer '${layer}': it has ${layers(file).join(', ') || 'none'}.`);
    }
    const [geometry] = [...file.rows('gpkg_geometry_columns')].filter(({ table_name }) => table_name === layer);
    const column = String(geometry?.column_name);
    return [...file.rows(layer)].map((row) => {
      const { [column]: blob, ...attributes } = row;
      const polygons = Buffer.isBuffer(blob) ? polygonsOf(blob) : [];
      const corners = polygons.flatMap(([outer = []]) => outer);
      const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
      const bounds = [least(xs), least(ys), -least(xs.map((x) => -x)), -least(ys.map((y) => -y))] as const;
      return { attributes, polygons, bounds };
    });
  });
}

const least = (values: readonly number[]) =>
  values.reduce((sum, each) => Math.min(sum, each), Number.POSITIVE_INFINITY);

function within<T>(path: string, act: (file: SqliteFile) => T): T {
  const file = openSqlite(path);
  try {
    if (!file.tables.includes('gpkg_contents'))
      throw new NoSqlite(`${path} is no GeoPackage: it has no gpkg_contents.`);
    return act(file);
  } finally {
    file.close();
  }
}

const layers = (file: SqliteFile) =>
  [...file.rows('gpkg_contents')].flatMap(({ table_name, data_type }) =>
    data_type === 'features' ? [String(table_name)] : [],
  );

/** Doubles of the envelope, by the code in the flags (OGC 12-128r19, 2.1.3 Geometry encoding). */
const ENVELOPE = [0, 4, 6, 6, 8];

function polygonsOf(blob: Buffer): Polygon[] {
  const flags = blob.readUInt8(3);
  const empty = (flags & 0x10) !== 0;
  return empty ? [] : wellKnown(blob, 8 + 8 * (ENVELOPE[(flags >> 1) & 7] ?? 0)).polygons;
}

/** Polygon or MultiPolygon of two dimensions as well-known binary. */
function wellKnown(blob: Buffer, from: number): { readonly polygons: Polygon[]; readonly end: number } {
  const little = blob.readUInt8(from) === 1;
  const integer = (at: number) => (little ? blob.readUInt32LE(at) : blob.readUInt32BE(at));
  const double = (at: number) => (little ? blob.readDoubleLE(at) : blob.readDoubleBE(at));
  const type = integer(from + 1);
  const count = integer(from + 5);
  let at = from + 9;
  if (type === 6) {
    const polygons: Polygon[] = [];
    for (let index = 0; index < count; index++) {
      const one = wellKnown(blob, at);
      polygons.push(...one.polygons);
      at = one.end;
    }
    return { polygons, end: at };
  }
  if (type !== 3) throw new NoSqlite(`A geometry of type ${type} is no polygon of two dimensions.`);
  const rings: (readonly [number, number])[][] = [];
  for (let index = 0; index < count; index++) {
    const points = integer(at);
    at += 4;
    rings.push(Array.from({ length: points }, (_, point) => [double(at + 16 * point), double(at + 16 * point + 8)]));
    at += 16 * points;
  }
  return { polygons: [rings], end: at };
}

/** Whether a point lies in a feature or on its boundary: by the even-odd rule, so that holes are outside. */
export function contains({ polygons, bounds: [west, south, east, north] }: Feature, x: number, y: number): boolean {
  if (x < west || x > east || y < south || y > north) return false;
  let inside = false;
  for (const polygon of polygons) {
    for (const ring of polygon) {
      for (let index = 1; index < ring.length; index++) {
        const [[x1, y1], [x2, y2]] = [ring[index - 1] as [number, number], ring[index] as [number, number]];
        const across = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
        if (
          across === 0 &&
          x >= Math.min(x1, x2) &&
          x <= Math.max(x1, x2) &&
          y >= Math.min(y1, y2) &&
          y <= Math.max(y1, y2)
        )
          return true;
        if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
      }
    }
  }
  return inside;
}
