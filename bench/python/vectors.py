"""Measures one index of vectors that Python knows, for the suite `vectors` of sop-bench.

    python vectors.py ENGINE PLAN

ENGINE is `faiss`, `hnswlib`, `lancedb` or `qdrant_edge`. PLAN is the JSON file that the suite writes: the
folder of the data, what is searched, and for each question how near the last of the exact answers is.
One JSON object a line goes to the standard output for each figure, with the fields that
`bench/README.md` tells. Whatever libraries print goes to the standard error.

Each index is a class with these parts:

    DURABLE             whether a power cut leaves what was inserted
    ONE_FOR_BOTH        whether one store is good for partitions and for all rows
    efforts()           settings of a search, the cheapest first
    setting(effort)     how its users write one
    build(ids)          inserts rows into the empty store, and indexes all of them
    prepare(search)     makes a scope ready; what this costs is not measured
    search(prepared, question, effort)      ids of the nearest rows
    insert(ids), remove(ids)                one transaction, as durable as it can be
    settle()            what has to be done after many changes, if anything
    count()             number of rows
"""

import importlib
import itertools
import json
import os
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

import numpy as np

DIMENSIONS = 384
ANSWERS = 10
# Products that differ by less are equal: each index adds up in an order of its own.
ROUNDING = 1e-5
# Rows of each transaction of `build` and `churn`.
BATCH = 1_000
NEIGHBOURS, EF_CONSTRUCTION = 16, 128
GRAPH_EFFORTS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1_024, 2_048]
CORES = os.cpu_count() or 1


class Data:
    """Rows, their vectors and the questions, of unit length."""

    def __init__(self, folder, items):
        folder = Path(folder)
        with open(folder / "packages.jsonl", encoding="utf-8") as lines:
            self.rows = [json.loads(line) for line in itertools.islice(lines, items)]
        self.vectors = unit(folder / "packages.f16")[:items]
        self.queries = unit(folder / "queries.f16")
        self.tenants = np.array([row["tenant"] for row in self.rows])
        self.dates = np.array([row["date"] for row in self.rows])

    def within(self, dates):
        """Which rows have a date that is searched."""
        return (self.dates >= dates["start"]) & (self.dates < dates["end"])

    def searched(self, search):
        """Which rows are in a scope."""
        rows = np.ones(len(self.rows), dtype=bool)
        if search["tenant"] is not None:
            rows &= self.tenants == search["tenant"]
        return rows & self.within(search["dates"]) if search["dates"] is not None else rows


def unit(path):
    vectors = np.fromfile(path, dtype="<f2").astype(np.float32).reshape(-1, DIMENSIONS)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths == 0, 1, lengths))


class Faiss:
    """Inverted lists for all rows, or all products for each partition; in memory."""

    PACKAGE = "faiss-cpu"
    DURABLE = False
    ONE_FOR_BOTH = False
    LISTS = 512

    def __init__(self, _folder, layout, data):
        import faiss

        self.faiss, self.data, self.layout = faiss, data, layout
        self.lock = threading.Lock()
        self.partitions, self.index = {}, None

    def efforts(self):
        return [4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512]

    def setting(self, effort):
        return f"nprobe={effort}"

    def build(self, ids):
        faiss = self.faiss
        faiss.omp_set_num_threads(CORES)
        if self.layout == "partitioned":
            for tenant in np.unique(self.data.tenants[ids]):
                own = ids[self.data.tenants[ids] == tenant]
                index = faiss.IndexFlatIP(DIMENSIONS)
                index.add(self.data.vectors[own])
                self.partitions[tenant] = (index, own)
        else:
            lists = max(1, min(self.LISTS, len(ids) // 39))
            quantizer = faiss.IndexFlatIP(DIMENSIONS)
            self.index = faiss.IndexIVFFlat(
                quantizer, DIMENSIONS, lists, faiss.METRIC_INNER_PRODUCT
            )
            self.index.train(self.data.vectors[ids])
            self.index.add_with_ids(self.data.vectors[ids], ids)
        faiss.omp_set_num_threads(1)

    def prepare(self, search):
        index, own = self.index, None
        if search["tenant"] is not None:
            index, own = self.partitions[search["tenant"]]
        bits = None
        if search["dates"] is not None:
            within = self.data.within(search["dates"])
            bits = np.packbits(within if own is None else within[own], bitorder="little")
        return index, own, bits

    def search(self, prepared, question, effort):
        index, own, bits = prepared
        faiss = self.faiss
        options = {}
        if bits is not None:
            options["sel"] = faiss.IDSelectorBitmap(bits)
        if own is None:
            parameters = faiss.SearchParametersIVF(nprobe=effort, **options)
        else:
            parameters = faiss.SearchParameters(**options)
        query = self.data.queries[question : question + 1]
        _, found = index.search(query, ANSWERS, params=parameters)
        found = found[0][found[0] >= 0]
        return found if own is None else own[found]

    def insert(self, ids):
        with self.lock:
            self.index.add_with_ids(self.data.vectors[ids], ids)

    def remove(self, ids):
        self.index.remove_ids(self.faiss.IDSelectorBatch(ids))
        return True

    def settle(self):
        pass

    def count(self):
        if self.index is not None:
            return self.index.ntotal
        return sum(index.ntotal for index, _ in self.partitions.values())


class Hnswlib:
    """One graph for all rows, or one for each partition; in memory."""

    PACKAGE = "hnswlib"
    DURABLE = False
    ONE_FOR_BOTH = False

    def __init__(self, _folder, layout, data):
        import hnswlib

        self.hnswlib, self.data, self.layout = hnswlib, data, layout
        self.lock = threading.Lock()
        self.graphs, self.removed = {}, 0

    def efforts(self):
        return GRAPH_EFFORTS

    def setting(self, effort):
        return f"ef={effort}"

    def build(self, ids):
        tenants = self.data.tenants[ids] if self.layout == "partitioned" else np.full(len(ids), "")
        for tenant in np.unique(tenants):
            own = ids[tenants == tenant]
            graph = self.hnswlib.Index(space="ip", dim=DIMENSIONS)
            room = len(own) if self.layout == "partitioned" else len(self.data.rows)
            graph.init_index(max_elements=room, M=NEIGHBOURS, ef_construction=EF_CONSTRUCTION)
            graph.add_items(self.data.vectors[own], own, num_threads=CORES)
            graph.set_num_threads(1)
            self.graphs[str(tenant)] = graph

    def prepare(self, search):
        wanted = None
        if search["dates"] is not None:
            wanted = frozenset(np.flatnonzero(self.data.within(search["dates"])).tolist())
        return self.graphs[search["tenant"] or ""], wanted

    def search(self, prepared, question, effort):
        graph, wanted = prepared
        # Costs nothing beside a search; another thread that searches sets the same.
        graph.set_ef(effort)
        query = self.data.queries[question]
        try:
            if wanted is None:
                return graph.knn_query(query, ANSWERS, num_threads=1)[0][0]
            return graph.knn_query(query, ANSWERS, num_threads=1, filter=wanted.__contains__)[0][0]
        except RuntimeError:
            # It has found fewer than it was asked for, and tells none of them.
            return []

    def insert(self, ids):
        with self.lock:
            self.graphs[""].add_items(self.data.vectors[ids], ids, num_threads=1)
            self.removed = max(0, self.removed - len(ids))

    def remove(self, ids):
        for one in ids.tolist():
            self.graphs[""].mark_deleted(one)
        self.removed += len(ids)
        return True

    def settle(self):
        pass

    def count(self):
        return sum(graph.get_current_count() for graph in self.graphs.values()) - self.removed


class Lancedb:
    """Columns, inverted lists of codes and scalar indexes."""

    PACKAGE = "lancedb"
    DURABLE = False
    ONE_FOR_BOTH = True
    # More than there are lists.
    LISTS = 1_024
    EXACT = 0

    def __init__(self, folder, _layout, data):
        import lancedb
        import pyarrow

        self.arrow, self.data = pyarrow, data
        self.lock = threading.Lock()
        text, number = pyarrow.string(), pyarrow.int64()
        self.schema = pyarrow.schema(
            [
                ("id", number),
                ("name", text),
                ("tenant", text),
                ("date", number),
                ("tags", pyarrow.list_(text)),
                ("text", text),
                ("vector", pyarrow.list_(pyarrow.float32(), DIMENSIONS)),
            ]
        )
        self.table = lancedb.connect(str(folder)).create_table("packages", schema=self.schema)

    def efforts(self):
        return [1, 2, 4, 8, 12, 16, 24, 32, 64, self.EXACT]

    def setting(self, effort):
        if effort == self.EXACT:
            return "bypass_vector_index"
        return f"refine_factor={effort}"

    def columns(self, ids):
        rows = [self.data.rows[one] for one in ids.tolist()]
        columns = {name: [row[name] for row in rows] for name in self.schema.names[:-1]}
        flat = self.arrow.array(self.data.vectors[ids].reshape(-1))
        columns["vector"] = self.arrow.FixedSizeListArray.from_arrays(flat, DIMENSIONS)
        return self.arrow.table(columns, schema=self.schema)

    def build(self, ids):
        self.table.add(self.columns(ids))
        from lancedb.index import Bitmap, BTree, IvfRq

        self.table.create_index("vector", config=IvfRq(distance_type="cosine"))
        self.table.create_index("tenant", config=Bitmap())
        self.table.create_index("date", config=BTree())
        self.table.optimize()

    def prepare(self, search):
        conditions = []
        if search["tenant"] is not None:
            conditions.append("tenant = '{}'".format(search["tenant"].replace("'", "''")))
        if search["dates"] is not None:
            dates = search["dates"]
            conditions.append(f"date >= {dates['start']} AND date < {dates['end']}")
        return " AND ".join(conditions)

    def search(self, condition, question, effort):
        query = self.table.search(self.data.queries[question], vector_column_name="vector")
        query = query.distance_type("cosine").limit(ANSWERS).select(["id", "_distance"])
        if condition:
            query = query.where(condition, prefilter=True)
        if effort == self.EXACT:
            query = query.bypass_vector_index()
        else:
            query = query.nprobes(self.LISTS).refine_factor(effort)
        return query.to_arrow()["id"].to_pylist()

    def insert(self, ids):
        # Sessions side by side were not seen to be faster.
        with self.lock:
            self.table.add(self.columns(ids))

    def remove(self, ids):
        self.table.delete("id IN ({})".format(",".join(map(str, ids.tolist()))))
        return True

    def settle(self):
        self.table.optimize()

    def count(self):
        return self.table.count_rows()


class QdrantEdge:
    """Segments with graphs, and indexes of the other fields."""

    PACKAGE = "qdrant-edge-py"
    DURABLE = True
    ONE_FOR_BOTH = True

    def __init__(self, folder, _layout, data):
        import qdrant_edge

        self.q, self.data = qdrant_edge, data
        self.lock = threading.Lock()
        self.queries = data.queries.tolist()
        q = qdrant_edge
        graph = q.HnswIndexConfig(
            m=NEIGHBOURS,
            ef_construct=EF_CONSTRUCTION,
            full_scan_threshold=10_000,
            payload_m=NEIGHBOURS,
        )
        vectors = q.EdgeVectorParams(size=DIMENSIONS, distance=q.Distance.Cosine)
        optimizers = q.EdgeOptimizersConfig(default_segment_number=1)
        self.shard = q.EdgeShard.create(
            str(folder), q.EdgeConfig(vectors=vectors, hnsw_config=graph, optimizers=optimizers)
        )
        create = q.UpdateOperation.create_field_index
        self.shard.update(create("tenant", q.KeywordIndexParams(is_tenant=True)))
        self.shard.update(create("date", q.IntegerIndexParams(lookup=False, range=True)))
        self.shard.flush()

    def efforts(self):
        return GRAPH_EFFORTS

    def setting(self, effort):
        return f"hnsw_ef={effort}"

    def build(self, ids):
        for batch in np.split(ids, range(BATCH, len(ids), BATCH)):
            self.shard.update(self.upsert(batch))
        self.shard.optimize()
        self.shard.flush()

    def upsert(self, ids):
        rows, vectors = self.data.rows, self.data.vectors[ids].tolist()
        points = [self.point(rows[one], vector) for one, vector in zip(ids.tolist(), vectors)]
        return self.q.UpdateOperation.upsert_points(points)

    def point(self, row, vector):
        payload = {name: row[name] for name in ("name", "tenant", "date", "tags", "text")}
        return self.q.Point(row["id"], vector, payload)

    def prepare(self, search):
        q, conditions = self.q, []
        if search["tenant"] is not None:
            conditions.append(q.FieldCondition("tenant", match=q.MatchValue(search["tenant"])))
        if search["dates"] is not None:
            dates = search["dates"]
            among = q.RangeFloat(gte=dates["start"], lt=dates["end"])
            conditions.append(q.FieldCondition("date", range=among))
        return q.Filter(must=conditions) if conditions else None

    def search(self, condition, question, effort):
        q = self.q
        request = q.QueryRequest(
            limit=ANSWERS,
            query=q.Query.Nearest(self.queries[question]),
            filter=condition,
            params=q.SearchParams(hnsw_ef=effort),
            with_payload=False,
            with_vector=False,
        )
        return [point.id for point in self.shard.query(request)]

    def insert(self, ids):
        with self.lock:
            self.shard.update(self.upsert(ids))
            self.shard.flush()

    def remove(self, ids):
        self.shard.update(self.q.UpdateOperation.delete_points(ids.tolist()))
        self.shard.flush()
        return True

    def settle(self):
        self.shard.optimize()
        self.shard.flush()

    def count(self):
        return self.shard.count(self.q.CountRequest(exact=True))


ENGINES = {"faiss": Faiss, "hnswlib": Hnswlib, "lancedb": Lancedb, "qdrant_edge": QdrantEdge}


class Stopwatch:
    """All clocks from when it is made; `others` is what other programs used of the processors."""

    def __init__(self):
        self.usage, self.written = usage(), written()
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def stop(self, operations):
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu
        self.operations = operations
        everything, busy, own = (now - then for now, then in zip(usage(), self.usage))
        self.others = max(0, busy - own) / max(1, everything)
        self.written = written() - self.written
        return self

    def rate(self):
        return self.operations / self.wall

    def fields(self):
        each = max(1, self.operations)
        return {"cpu_us": self.cpu * 1e6 / each, "others": self.others}


def usage():
    """Ticks of all processors, of programs, and of this one, as the suite counts them."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    own = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
    return sum(ticks), ticks[0] + ticks[1] + ticks[7], int(own[11]) + int(own[13])


def written():
    """Bytes handed to calls that write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS:"))


def allocated(folder):
    return sum(path.lstat().st_blocks * 512 for path in [folder, *folder.rglob("*")])


class Bench:
    """One round on one index."""

    def __init__(self, engine, plan, output):
        self.engine, self.plan, self.output = engine, plan, output
        self.folder = Path(plan["folder"])
        self.data = Data(plan["data"], plan["items"])
        self.seconds = plan["seconds"]
        self.whole = next(search for search in plan["searches"] if search["name"] == "whole")

    def record(self, workload, value, unit="ops/s", threads=1, **fields):
        record = {name: self.plan[name] for name in ("suite", "engine", "round")}
        record |= {"workload": workload, "threads": threads, "value": value, "unit": unit}
        self.output.write(json.dumps(record | fields) + "\n")
        self.output.flush()

    def durable(self, workload):
        return workload if self.engine.DURABLE else workload + "_volatile"

    def run(self):
        for layout in ["whole"] if self.engine.ONE_FOR_BOTH else ["whole", "partitioned"]:
            self.searches(layout)
        self.inserts()

    def open(self, name, layout):
        folder = self.folder / name
        folder.mkdir()
        return self.engine(folder, layout, self.data)

    def searches(self, layout):
        suffix = "" if layout == "whole" else "_partitioned"
        before = resident()
        index = self.open(layout, layout)
        ids = np.arange(len(self.data.rows))
        stopwatch = Stopwatch()
        index.build(ids)
        cost = stopwatch.stop(len(ids))
        written = cost.written / len(ids)
        self.record(self.durable("build" + suffix), cost.rate(), written=written, **cost.fields())
        expect(index.count(), len(ids))
        for search in self.plan["searches"]:
            is_partition = search["tenant"] is not None
            if self.engine.ONE_FOR_BOTH or is_partition == (layout == "partitioned"):
                reached = self.search(index, search)
        grown, taken = resident() - before, allocated(self.folder / layout)
        self.record("memory_per_vector" + suffix, max(0, grown) / len(ids), "bytes")
        if any((self.folder / layout).iterdir()):
            self.record("disk_per_vector" + suffix, taken / len(ids), "bytes")
        if layout == "whole":
            # The scope of all rows is the last one.
            self.churn(index, ids, *reached)

    def search(self, index, search):
        """Raises the effort until enough is found; the effort and what was found."""
        prepared, searched, reached = index.prepare(search), self.data.searched(search), []
        for effort in index.efforts():
            recall, cost = self.answer(index, prepared, (searched, search["last"]), effort)
            reached.append((effort, recall, cost))
            if self.plan["curve"]:
                name = f"{search['name']}@{index.setting(effort)}"
                self.found(name, index, cost, effort, recall)
            elif recall >= self.plan["recall"]:
                break
        good = [one for one in reached if one[1] >= self.plan["recall"]]
        effort, recall, cost = good[0] if good else reached[-1]
        name = search["name"] if good else search["name"] + "_missed"
        for threads in self.plan["threads"]:
            if threads > 1 or cost.wall < self.seconds:
                again = self.repeat(index, prepared, effort, threads)
            else:
                # A pass over all questions that took long enough needs not be done again.
                again = cost
            self.found(name, index, again, effort, recall, threads)
        return effort, recall

    def found(self, name, index, cost, effort, recall, threads=1):
        fields = {"recall": recall, "setting": index.setting(effort)}
        self.record(name, cost.rate(), threads=threads, **fields, **cost.fields())

    def answer(self, index, prepared, truth, effort):
        questions = range(len(self.data.queries))
        stopwatch = Stopwatch()
        answers = [index.search(prepared, question, effort) for question in questions]
        cost = stopwatch.stop(len(answers))
        return self.judge(answers, *truth), cost

    def judge(self, answers, searched, last):
        """What part of the exact answers was found: those as near as the last of them."""
        right = wanted = 0
        for query, found, (product, count) in zip(self.data.queries, answers, last):
            found = np.asarray(found, dtype=np.int64)
            if len(np.unique(found)) != len(found) or not searched[found].all():
                raise AssertionError("a row was not asked for, or is there twice")
            products = self.data.vectors[found] @ query
            right += min(count, int((products >= product - ROUNDING).sum()))
            wanted += count
        return right / wanted

    def repeat(self, index, prepared, effort, threads):
        end = time.perf_counter() + self.seconds
        counts, errors = [0] * threads, []

        def work(thread):
            try:
                while counts[thread] == 0 or time.perf_counter() < end:
                    for question in range(len(self.data.queries)):
                        index.search(prepared, question, effort)
                    counts[thread] += len(self.data.queries)
            except Exception as error:  # noqa: BLE001, it is raised again below
                errors.append(error)

        stopwatch = Stopwatch()
        together([lambda thread=thread: work(thread) for thread in range(threads)])
        if errors:
            raise errors[0]
        return stopwatch.stop(sum(counts))

    def churn(self, index, ids, effort, before):
        random = np.random.default_rng(self.plan["seed"])
        half = random.permutation(ids)[: len(ids) // 2]
        for batch in np.split(half, range(BATCH, len(half), BATCH)):
            index.remove(batch)
        expect(index.count(), len(ids) - len(half))
        half = random.permutation(half)
        for batch in np.split(half, range(BATCH, len(half), BATCH)):
            index.insert(batch)
        index.settle()
        expect(index.count(), len(ids))
        truth = (self.data.searched(self.whole), self.whole["last"])
        after, _ = self.answer(index, index.prepare(self.whole), truth, effort)
        fields = {"recall": after, "setting": index.setting(effort)}
        self.record("churn", after - before, "change", **fields)

    def inserts(self):
        rows = len(self.data.rows)
        index = self.open("inserts", "whole")
        there = np.zeros(rows, dtype=bool)
        begun = rows // 2
        there[:begun] = True
        index.build(np.arange(begun))
        for name, batch, sessions, share in self.plan["inserts"]:
            ids = np.arange(begun, begun + share)
            begun += share
            if name.startswith("search_while"):
                done = self.search_meanwhile(index, name, ids, batch, there)
            else:
                done = self.insert(index, name, ids, batch, sessions)
            there[ids[:done]] = True
            expect(index.count(), int(there.sum()))

    def insert(self, index, name, ids, batch, sessions):
        end, done = time.perf_counter() + self.seconds, []

        def work(own):
            for part in np.split(own, range(batch, len(own), batch)):
                index.insert(part)
                done.append(len(part))
                if sessions == 1 and time.perf_counter() >= end:
                    break

        shares = np.array_split(ids, sessions)
        stopwatch = Stopwatch()
        together([lambda own=own: work(own) for own in shares if len(own)])
        cost = stopwatch.stop(sum(done))
        written = cost.written / max(1, cost.operations)
        fields = {"threads": sessions, "written": written, **cost.fields()}
        self.record(self.durable(name), cost.rate(), **fields)
        return cost.operations

    def search_meanwhile(self, index, name, ids, batch, there):
        """Inserts while another thread searches, with the effort that was enough before."""
        prepared, truth = index.prepare(self.whole), (there, self.last(there))
        for effort in index.efforts():
            if self.answer(index, prepared, truth, effort)[0] >= self.plan["recall"]:
                break
        is_over, searched = threading.Event(), [0]

        def search():
            for question in itertools.cycle(range(len(self.data.queries))):
                if is_over.is_set():
                    break
                index.search(prepared, question, effort)
                searched[0] += 1

        end, done = time.perf_counter() + self.seconds, 0
        stopwatch = Stopwatch()
        searching = threading.Thread(target=search)
        searching.start()
        for part in np.split(ids, range(batch, len(ids), batch)):
            if time.perf_counter() >= end:
                break
            index.insert(part)
            done += len(part)
        is_over.set()
        searching.join()
        cost = stopwatch.stop(searched[0])
        if not searched[0]:
            print(f"  no {name}: all was inserted before anything was found", file=sys.stderr)
            return done
        there = there.copy()
        there[ids[:done]] = True
        truth = (there, self.last(there))
        recall, _ = self.answer(index, index.prepare(self.whole), truth, effort)
        fields = {"recall": recall, "setting": index.setting(effort), "others": cost.others}
        self.record(self.durable(name), cost.rate(), **fields)
        name = self.durable("insert_100_while_search")
        self.record(name, done / cost.wall, others=cost.others)
        return done

    def last(self, there):
        """For each question the product of the last exact answer among some rows."""
        vectors = self.data.vectors[there]
        count = min(ANSWERS, len(vectors))
        products = self.data.queries @ vectors.T
        lasts = np.partition(products, -count, axis=1)[:, -count]
        return [(float(last), count) for last in lasts]


def together(work):
    """Does pieces of work side by side; a single one in this thread."""
    if len(work) == 1:
        work[0]()
        return
    errors = []

    def guarded(one):
        try:
            one()
        except Exception as error:  # noqa: BLE001, it is raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def expect(found, expected):
    if found != expected:
        raise AssertionError(f"there are {found} rows, not {expected}")


def main():
    name, plan = sys.argv[1:]
    # What a library prints must not come between the records.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = ENGINES[name]
    print(f"  {engine.PACKAGE} {metadata.version(engine.PACKAGE)}", file=sys.stderr)
    # Its code does not count as memory of the rows.
    importlib.import_module(name)
    Bench(engine, json.loads(Path(plan).read_text()), output).run()


if __name__ == "__main__":
    main()
