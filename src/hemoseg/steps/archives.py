"""Members of a ZIP file, each unpacked to what the archive says of it and not a byte further."""

import zipfile
from collections.abc import Iterator

PART = 2**18  # bytes that are unpacked together
KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack some thousand times what is read, at once


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member in parts.

    `zipfile.ZipFile.read` unpacks all there is before it looks at the size that the archive claims: two gigabytes from
    a file of two megabytes.

    Raises:
        zipfile.BadZipFile: it is damaged, holds more than is claimed, or is packed in another way than by deflate.
    """
    if entry.compress_type not in KINDS:
        raise zipfile.BadZipFile(f"{entry.filename} is packed otherwise than by deflate")
    with archive.open(entry) as member:
        while part := member.read(PART):  # checks size and checksum at the end
            yield part
