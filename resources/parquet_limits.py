"""Open parquet files that we did not write, without trusting them.

A torn file, garbage under a parquet name and a file that would fill the memory all end in a :class:`ContractError`
that names the file. A few megabytes can hold millions of copies of one long text: the footer's
sizes do not show it, so texts are read as dictionaries and their decoded size is added up batch by batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.domain.errors import ContractError, SourceUnavailableError

__all__ = ["DEFAULT_LIMITS", "FileLimits", "open_parquet", "read_parquet_within"]


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What a single foreign file may hold.

    Parameters
    ----------
    max_file_bytes, max_decoded_bytes
        Bytes on disk, and bytes in memory once every text is spelt out.
    max_rows, max_columns
        Rows and columns of the file.
    """

    max_file_bytes: int = 1 << 30
    max_decoded_bytes: int = 4 << 30
    max_rows: int = 20_000_000
    max_columns: int = 512


DEFAULT_LIMITS = FileLimits()


def open_parquet(path: Path, limits: FileLimits = DEFAULT_LIMITS, coded: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a parquet file after its footer was judged against ``limits``; the caller closes it.

    Columns of texts named in ``coded`` are read as dictionaries: each text once, and its place in every row.

    Raises
    ------
    SourceUnavailableError
        The file is not there or may not be read.
    ContractError
        Torn, empty, not parquet, or above a limit.
    """
    try:
        size = path.stat().st_size
        if size > limits.max_file_bytes:
            raise ContractError(f"{path}: {size} bytes, allowed {limits.max_file_bytes}; split the file by day")
        file = pq.ParquetFile(path, read_dictionary=list(coded))
    except OSError as error:
        if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
            raise SourceUnavailableError(
                f"{path}: cannot be read ({type(error).__name__}); check that it exists and may be read"
            ) from error
        raise ContractError(
            f"{path}: not a readable parquet file ({str(error)[:160]}); write it again at the source"
        ) from error
    except pa.ArrowException as error:
        raise ContractError(
            f"{path}: not a readable parquet file, torn or of another format ({str(error)[:160]}); write it again at the source"
        ) from error
    try:
        _judge_footer(path, file, limits)
    except ContractError:
        file.close()
        raise
    return file


def read_parquet_within(path: Path, limits: FileLimits = DEFAULT_LIMITS) -> pa.Table:
    """Read a foreign parquet file whole; texts stay dictionary-encoded.

    Raises
    ------
    SourceUnavailableError, ContractError
        As :func:`open_parquet`; also when the decoded texts exceed ``limits.max_decoded_bytes``.
    """
    with open_parquet(path, limits) as checked:
        texts = [field.name for field in checked.schema_arrow if _is_text(field.type)]
    decoded = 0
    batches = []
    try:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            schema = file.schema_arrow
            for batch in file.iter_batches(batch_size=65_536):
                decoded += sum(_decoded_bytes(column) for column in batch.columns)
                if decoded > limits.max_decoded_bytes:
                    raise ContractError(
                        f"{path}: more than {limits.max_decoded_bytes} bytes once decoded, from {path.stat().st_size} bytes on disk; "
                        "a text is repeated to fill the memory; refuse the sender"
                    )
                batches.append(batch)
    except (pa.ArrowException, OSError) as error:
        raise ContractError(
            f"{path}: damaged parquet data ({' '.join(str(error).split())[:160]}); write it again at the source"
        ) from error
    return pa.Table.from_batches(batches, schema=schema if not batches else batches[0].schema)


def _judge_footer(path: Path, file: pq.ParquetFile, limits: FileLimits) -> None:
    metadata = file.metadata
    if metadata.num_columns > limits.max_columns:
        raise ContractError(
            f"{path}: {metadata.num_columns} columns, allowed {limits.max_columns}; not a table of this platform"
        )
    if metadata.num_rows > limits.max_rows:
        raise ContractError(f"{path}: {metadata.num_rows} rows, allowed {limits.max_rows}; split the file by day")
    declared = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    fixed = metadata.num_rows * sum(_width(field.type) for field in file.schema_arrow)
    if max(declared, fixed) > limits.max_decoded_bytes:
        raise ContractError(
            f"{path}: {max(declared, fixed)} bytes once decoded, allowed {limits.max_decoded_bytes}, from {path.stat().st_size} bytes on disk; split the file by day"
        )


def _is_text(found: pa.DataType) -> bool:
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_binary(found))


def _width(found: pa.DataType) -> int:
    try:
        return int(found.bit_width) // 8 or 1
    except ValueError:  # variable width: counted batch by batch
        return 4


def _decoded_bytes(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary)
    return int(pc.sum(lengths.take(column.indices).cast(pa.int64())).as_py() or 0) + 4 * len(column)
