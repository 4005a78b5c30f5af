"""What a file is, told from its name and its first bytes: a photo that can be read, another image, or no image.

The one list of suffixes and of signatures for every source. ``decode`` in pipeline.data.images reads what is a photo
here and refuses the rest by the names given here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

HEAD = 512  # bytes of a file's beginning that ``kind_of`` looks at; fewer will do, but tell less
EXPECTED = "JPEG, PNG, BMP, GIF, TIFF, WebP, PGM or PPM"

READABLE = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"}
    | {".pgm", ".ppm", ".pbm", ".pnm"}
)
# Images as well, but of kinds that are not read: suffix -> what a message calls it.
UNREADABLE = {
    **dict.fromkeys((".heic", ".heif", ".heics", ".heifs", ".hif"), "HEIC image"),
    **dict.fromkeys((".avif", ".avifs"), "AVIF image"),
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm"), "JPEG 2000 image"),
    **dict.fromkeys((".jxl",), "JPEG XL image"),
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), "JPEG XR image"),
    **dict.fromkeys(
        (".raw", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".dng", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf")
        + (".pef", ".srw", ".x3f", ".erf", ".kdc", ".dcr", ".mrw", ".3fr", ".iiq", ".rwl", ".mef", ".mos"),
        "raw image of a camera",
    ),
    **dict.fromkeys((".psd", ".psb"), "Photoshop image"),
    **dict.fromkeys((".svg", ".svgz"), "SVG drawing"),
    **dict.fromkeys((".eps", ".ps", ".ai"), "PostScript drawing"),
    **dict.fromkeys((".wmf", ".emf"), "Windows metafile"),
    **dict.fromkeys((".ico", ".cur", ".icns"), "icon"),
    **dict.fromkeys((".pfm", ".exr", ".hdr"), "image of floating-point numbers"),
    **{
        f".{suffix}": f"{suffix.upper()} image"
        for suffix in ("pam", "tga", "pcx", "sgi", "ras", "xcf", "xbm", "xpm", "qoi", "bpg", "flif", "dds", "mng")
        + ("fits", "dcm", "djvu", "jng")
    },
}
# What systems and viewers leave beside photos; letter case ignored.
SYSTEM_FILES = frozenset(
    {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info"}
)
SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found", "__pycache__"}
)

Use = Literal["photo", "unreadable", "hidden", "other"]


@dataclass(frozen=True)
class Kind:
    """``use`` is what to do with the file, ``what`` is what a message calls it: "JPEG", "HEIC image", "PDF document".

    "photo": a kind that ``decode`` reads, as far as name and first bytes tell. "unreadable": an image of a kind that
    is not read, or a file that is an image by its name but not by its bytes: to be refused or counted by name,
    never to be dropped silently. "hidden": what a system or viewer left there. "other": no image at all, such as
    readme.txt.
    """

    use: Use
    what: str


# Bytes of the beginning -> what it is. The order matters: the first that fits is it.
PHOTOS = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"(II\*\0|MM\0\*|II\+\0|MM\0\+)(?!.{4}CR\x02)", "TIFF"),
    # A size of the second header that exists, for two letters alone would make an image of many a text.
    (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb"P[14](\s|#[^\r\n]*[\r\n])+\d+(\s|#[^\r\n]*[\r\n])+\d+\s", "PBM"),
    (rb"P[25](\s|#[^\r\n]*[\r\n])+\d+(\s|#[^\r\n]*[\r\n])+\d+\s", "PGM"),
    (rb"P[36](\s|#[^\r\n]*[\r\n])+\d+(\s|#[^\r\n]*[\r\n])+\d+\s", "PPM"),
)
IMAGES = (
    (rb"....ftyp(heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|mif2|msf1)", "HEIC image"),
    (rb"....ftyp(avif|avis)", "AVIF image"),
    (rb"....ftypcrx |(II|MM)..{5}CR\x02|FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM", "raw image of a camera"),
    (rb"\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51", "JPEG 2000 image"),
    (rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a", "JPEG XL image"),
    (rb"II\xbc", "JPEG XR image"),
    (rb"8BPS", "Photoshop image"),
    (rb"(\xef\xbb\xbf)?\s*(<\?xml.*|<!--.*|<!DOCTYPE svg.*)?<svg[\s>]", "SVG drawing"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript drawing"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "Windows metafile"),
    (rb"\0\0[\x01\x02]\0[\x01-\xff]\0.{3}\0|icns", "icon"),
    (rb"P[Ff]\s|\x76\x2f\x31\x01|#\?RADIANCE|#\?RGBE", "image of floating-point numbers"),
    (rb"P7\s", "PAM image"),
    (rb"gimp xcf", "XCF image"),
    (rb"qoif", "QOI image"),
    (rb"BPG\xfb", "BPG image"),
    (rb"FLIF", "FLIF image"),
    (rb"DDS \x7c", "DDS image"),
    (rb"\x8aMNG", "MNG image"),
    (rb"\x8bJNG", "JNG image"),
    (rb"SIMPLE {2}=", "FITS image"),
    (rb".{128}DICM", "DICOM image"),
    (rb"AT&TFORM", "DJVU image"),
    (rb"\x59\xa6\x6a\x95", "RAS image"),
    (rb"\x01\xda[\0\x01][\x01\x02]", "SGI image"),
)
OTHERS = (
    (rb"version https://git-lfs\.github\.com", "Git LFS pointer instead of its file"),
    (rb"(/annex/objects/|(\.\./)*\.git/annex/)", "git-annex pointer instead of its file"),
    (rb"outs:\r?\n", "DVC pointer instead of its file"),
    (rb"\0\x05\x16[\0\x07]", "macOS file of attributes (AppleDouble)"),
    (rb"%PDF", "PDF document"),
    (
        rb"(\xef\xbb\xbf)?\s*(<!--((?!-->).)*-->\s*|<\?xml[^>]*>\s*)*"
        rb"<(!doctype\s+html|html|head|body|title|script|meta)\b",
        "HTML page",
    ),
    (rb"(\xef\xbb\xbf)?\s*<\?xml|(\xef\xbb\xbf)?\s*<[A-Za-z]+[\s>]", "XML document"),
    (rb"\s*[{\[]\s*[\"{\[\]}]", "JSON document"),
    (rb"PK(\x03\x04|\x05\x06)", "zip archive"),
    (rb"\x1f\x8b", "gzip file"),
    (rb"BZh[1-9]1AY", "bzip2 file"),
    (rb"\xfd7zXZ\0", "xz file"),
    (rb"7z\xbc\xaf\x27\x1c", "7z archive"),
    (rb"Rar!\x1a\x07", "RAR archive"),
    (rb".{257}ustar", "tar archive"),
    (rb"....ftyp|....moov|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01\xba", "video"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Windows compound file (Thumbs.db, Office)"),
    (rb"\x93NUMPY", "NumPy array"),
    (rb"\x89HDF", "HDF5 file"),
    (rb"MATLAB 5\.0", "MATLAB file"),
    (rb"SQLite format 3", "SQLite database"),
    (rb"\0+\Z", "run of zero bytes"),
    (rb"[\t\n\r\x20-\x7e]+\Z", "text"),
)


def _compiled(use: Use, table: tuple[tuple[bytes, str], ...]) -> list[tuple[re.Pattern[bytes], Kind]]:
    return [
        (re.compile(pattern, re.DOTALL | re.IGNORECASE if "HTML" in what else re.DOTALL), Kind(use, what))
        for pattern, what in table
    ]


SIGNATURES = [*_compiled("photo", PHOTOS), *_compiled("unreadable", IMAGES), *_compiled("other", OTHERS)]


def is_hidden(name: str) -> bool:
    """Whether the file was left by a system or viewer: .DS_Store, Thumbs.db. Its folders, by / or \\, count as well."""
    *folders, file = (part.rstrip(" ") for part in name.replace("\\", "/").casefold().split("/"))
    if any(part.startswith(".") and part not in (".", "..") for part in (*folders, file)):
        return True
    if file.startswith("~$") or file.endswith((".lock", ".lck")):  # that somebody has a file open
        return True
    return file in SYSTEM_FILES or not SYSTEM_FOLDERS.isdisjoint(folders)


def suffix_of(name: str) -> str:
    """The suffix in lower case with its dot; "" where the name has none."""
    stem, dot, suffix = name.replace("\\", "/").strip().rpartition("/")[2].rpartition(".")
    return dot + suffix.lower() if stem else ""


def sniff(head: bytes) -> Kind | None:
    """What the first bytes of a file are, whatever it is called; None where they are of no kind known here."""
    if not head:
        return Kind("other", "empty file")
    return next((kind for pattern, kind in SIGNATURES if pattern.match(head[:HEAD])), None)


def kind_of(name: str, head: bytes | None = None) -> Kind:
    """What the file called ``name`` is; ``head`` are its first bytes (HEAD of them), None where they are not at hand.

    Hidden files go by their names alone. Else the bytes decide, where they are of a known kind: a JPEG that is called
    a.heic, subject01.glasses or a is a photo, a page of HTML that is called a.jpg is unreadable, and is called what
    it is. Without bytes, or with unknown bytes, the suffix decides; an unknown suffix is "other".
    """
    if is_hidden(name):
        return Kind("hidden", "file of the system")
    suffix = suffix_of(name)
    sniffed = None if head is None else sniff(head)
    if sniffed is not None:
        if sniffed.what == "TIFF" and suffix in UNREADABLE:  # cameras keep their raw images in TIFF, with a thumbnail
            return Kind("unreadable", UNREADABLE[suffix])
        if sniffed.use == "other" and (suffix in READABLE or suffix in UNREADABLE):
            return Kind("unreadable", sniffed.what)
        return sniffed
    if suffix in READABLE:
        return Kind("photo", suffix.removeprefix(".").upper())
    if suffix in UNREADABLE:
        return Kind("unreadable", UNREADABLE[suffix])
    return Kind("other", "file without a known suffix" if suffix else "file without a suffix")
