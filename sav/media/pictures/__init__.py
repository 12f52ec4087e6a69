"""Still pictures in and out: any common format in, whole files or none out."""

from sav.media.pictures.decoding import to_bgr
from sav.media.pictures.files import SUFFIXES, find_pictures, list_pictures
from sav.media.pictures.names import output_stems, readable
from sav.media.pictures.reading import read_picture
from sav.media.pictures.writing import write_picture

__all__ = [
    "SUFFIXES",
    "find_pictures",
    "list_pictures",
    "output_stems",
    "read_picture",
    "readable",
    "to_bgr",
    "write_picture",
]
