#!/usr/bin/env python3
"""Writes tests/fixtures/arrow/sales.* and temperatures.*: one table in each format that tables come in, CSV among them.

    .deps/arrow/bin/python scripts/reference/arrow_tables.py [FOLDER]

Needs only `pyarrow`. The CSV files are written as pandas writes the same tables.
"""
import argparse
import csv
import datetime
import decimal
import math
import pathlib

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet


def sales():
    """A long table of three stores: daily midnights, whole numbers with a gap, decimals, texts by dictionary."""
    rows = []
    for store, name in enumerate(["north", "south, \"old\"", "=east"]):
        for day in range(35 + store):
            sold = None if (store, day) == (1, 9) else 40 + 10 * store + (day * 7 + store * 3) % 11 + 5 * (day % 7 == 5)
            price = decimal.Decimal(199 + 10 * store - 20 * (day % 5 == 0)) / 100
            rows.append((name, datetime.datetime(2024, 1, 1) + datetime.timedelta(days=day), sold, price))
    ids, stamps, sold, prices = zip(*rows)
    return pa.table({"unique_id": pa.array(ids).dictionary_encode(), "ds": pa.array(stamps, pa.timestamp("ns")),
                     "y": pa.array(sold, pa.int16()), "price": pa.array(prices, pa.decimal128(9, 2))})


def temperatures():
    """A wide table of the hours around the change to summer time in Berlin."""
    hours = [datetime.datetime(2024, 3, 29, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=hour) for hour in range(96)]
    wave = [10 + 5 * math.sin(hour / 24 * 2 * math.pi) for hour in range(96)]
    return pa.table({"time": pa.array(hours, pa.timestamp("us", "Europe/Berlin")), "roof": pa.array(wave, pa.float32()),
                     "street": pa.array([value + hour % 5 for hour, value in enumerate(wave)], pa.float64())})


def cell(value, kind):
    """As DataFrame.to_csv writes it."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return str(value) if value.tzinfo else str(value.date())
    # The shortest digits that are this float32.
    return next(text for digits in range(1, 10) if float(pa.scalar(float(text := f"{value:.{digits}g}"), kind)) == value) if kind == pa.float32() else value


def write(table, folder, name):
    with open(folder / f"{name}.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(table.column_names)
        kinds = table.schema.types
        for row in table.to_pylist():
            out.writerow(cell(value, kind) for value, kind in zip(row.values(), kinds))
    pa.parquet.write_table(table, folder / f"{name}.parquet", row_group_size=50, compression="zstd")
    pa.feather.write_feather(table, folder / f"{name}.feather")
    with pa.ipc.new_file(folder / f"{name}.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=30)
    with pa.ipc.new_stream(folder / f"{name}_stream.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=40)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "tests/fixtures/arrow")
    folder = parser.parse_args().folder
    write(sales(), folder, "sales")
    write(temperatures(), folder, "temperatures")
