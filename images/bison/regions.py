"""Reads the files of regions: for annotate.py, which uses them, and for annotate_riis.py, which sees that they can be."""

import tempfile
from pathlib import Path

from job import JobError, missing_columns, read_bytes

# The Census Bureau's columns: STUSPS is the state's two letters, and NAMELSAD the name with its kind. NAME alone is not
# enough: Virginia has a Richmond County and a Richmond city.
REGION_COLUMNS = {"county": ["STUSPS", "NAMELSAD"], "aiannh": ["NAMELSAD", "GEOID"]}


def read_region_files(place, problems):
    """The values and the shapes of each kind of regions. `problems` collects what is wrong with either file."""
    found = {}
    for kind, columns in REGION_COLUMNS.items():
        with problems:
            key, layer = place.regions[kind]
            found[kind] = read_regions(place.address(key), layer, columns)
    return found


def read_regions(address, layer, columns):
    """The values and the shapes of a GeoPackage's layer, in its order.

    Throws JobError that names what is missing: the layer, a column, a coordinate system, or any shape.
    """
    from osgeo import gdal, ogr, osr

    gdal.UseExceptions()
    with tempfile.TemporaryDirectory(prefix="bison-") as folder:
        # GDAL reads a GeoPackage's pages at random, and SQLite writes beside it: a file of this computer.
        local = Path(folder) / "regions.gpkg"
        local.write_bytes(read_bytes(address))
        try:
            dataset = gdal.OpenEx(str(local), gdal.OF_VECTOR, allowed_drivers=["GPKG"])
        except RuntimeError as error:
            raise JobError(f"{address}: this is no GeoPackage: {error}") from None
        layers = [dataset.GetLayer(each).GetName() for each in range(dataset.GetLayerCount())]
        missing_columns(address, layers, [layer], "layer")
        source = dataset.GetLayerByName(layer)
        definition = source.GetLayerDefn()
        names = [definition.GetFieldDefn(each).GetName() for each in range(definition.GetFieldCount())]
        missing_columns(f"{address}, layer {layer}", [each.upper() for each in names], columns)
        fields = [definition.GetFieldIndex(each) for each in columns]
        change = None
        system = source.GetSpatialRef()
        if system is None:
            raise JobError(f"{address}: the layer {layer} has no coordinate system: it needs NAD83 or WGS 84.")
        # Degrees of NAD83 are taken for those of WGS 84, as BISON does: they differ by about a metre.
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        if not system.IsGeographic():
            degrees = osr.SpatialReference()
            degrees.ImportFromEPSG(4326)
            degrees.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
            change = osr.CoordinateTransformation(system, degrees)
        regions = []
        for feature in source:
            geometry = feature.GetGeometryRef()
            if geometry is None or geometry.IsEmpty():
                continue
            geometry = geometry.Clone()
            if change:
                geometry.Transform(change)
            # What GEOS says of an outline that crosses itself is not defined.
            shape = geometry if geometry.IsValid() else geometry.MakeValid()
            regions.append((tuple(feature.GetFieldAsString(each) for each in fields), Shape(shape, ogr)))
        if not regions:
            raise JobError(f"{address}: the layer {layer} has no shapes.")
    return regions


class Shape:
    """A polygon of GDAL's, prepared for many questions."""

    def __init__(self, geometry, ogr):
        west, east, south, north = geometry.GetEnvelope()
        self.bounds = (west, south, east, north)
        self._geometry = geometry
        self._prepared = geometry.CreatePreparedGeometry()
        self._point = ogr.Geometry(ogr.wkbPoint)
        self._box = lambda box: ogr.CreateGeometryFromWkt(
            "POLYGON (({0!r} {1!r}, {2!r} {1!r}, {2!r} {3!r}, {0!r} {3!r}, {0!r} {1!r}))".format(*box)
        )

    def holds(self, longitude, latitude):
        west, south, east, north = self.bounds
        if not (west <= longitude <= east and south <= latitude <= north):
            return False
        self._point.SetPoint_2D(0, longitude, latitude)
        return self._prepared.Intersects(self._point)

    def covers(self, box):
        return self._prepared.Contains(self._box(box))

    def meets(self, box):
        return self._prepared.Intersects(self._box(box))
