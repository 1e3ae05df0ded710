"""Seven kinds of result; numpy only."""

from pellucid.results.attribution import Attribution as Attribution
from pellucid.results.base import Base as Base
from pellucid.results.gallery import Gallery as Gallery
from pellucid.results.graph import Graph as Graph
from pellucid.results.matrix import Matrix as Matrix
from pellucid.results.points import Points as Points
from pellucid.results.result import Result as Result
from pellucid.results.series import Series as Series
from pellucid.results.table import Table as Table
