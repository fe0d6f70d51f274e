"""What `envbuild cache` says: each answer as JSON (`schema` 1) and as lines for people."""

import time
from collections import Counter
from typing import Any

from envbuild.cli.display import amount, table
from envbuild.store.collect import Rules
from envbuild.store.reach import Reach
from envbuild.store.sweep import Swept
from envbuild.store.usage import FOLDER_KINDS, EnvironmentUsage, kinds_of
from envbuild.workspace.caching import Info, Verdict

__all__ = ["info_document", "info_words", "prune_document", "prune_words", "verify_document", "verify_words"]


def info_document(info: Info) -> dict[str, Any]:
    """Everything, each list in whole. Times are seconds since the epoch."""
    usage = info.usage
    return {
        "schema": 1,
        "store": str(info.places.cache),
        "records": {"path": str(info.places.records), "bytes": info.records},
        "free_bytes": info.free,
        "bytes": usage.total,
        "disk_bytes": info.on_disk,
        "kinds": {kind: {"count": a.count, "bytes": a.size} for kind, a in usage.amounts.items()},
        "sharing": {"summed_bytes": usage.summed, "stored_bytes": usage.stored, "ratio": round(usage.ratio, 3)},
        "environments": [
            {
                "image": f"sha256:{e.image}", "names": list(e.names), "kept_by_name": e.lasting, "last_used": e.used,
                "image_bytes": e.image_size, "bytes": e.size, "own_bytes": e.own, "complete": e.complete,
            }
            for e in usage.environments
        ],
        "packages": [
            {
                "kind": p.kind, "name": p.name, "version": p.version, "sha256": p.sha256,
                "file_bytes": p.file_size, "layer_bytes": p.layer_size, "environments": p.environments,
            }
            for p in usage.packages
        ],
        "layers": [
            {"digest": f"sha256:{u.blob}", "kind": u.title, "bytes": u.size, "environments": u.environments}
            for u in usage.layers
        ],
    }  # fmt: skip


def info_words(info: Info, by: str, top: int) -> list[str]:
    """A summary, then the table that was asked for."""
    usage = info.usage
    lines = [f"store    {info.places.cache}", f"records  {info.places.records} ({amount(info.records)})"]
    lines.append(f"size     {amount(usage.total)}, {amount(info.free)} free on its disk")
    lines.append(
        f"sharing  {len(usage.environments)} environments of {amount(usage.summed)} stand in "
        f"{amount(usage.stored)} ({usage.ratio:.1f} to 1)"
    )
    rows = [(kind, str(a.count) if a.count else "", amount(a.size)) for kind, a in usage.amounts.items() if a.size]
    lines += ["", *table(rows).splitlines()] if rows else []
    ranked = _rows(info, by)
    if len(ranked) > 1:
        lines += ["", *table(ranked[: top + 1]).splitlines()]
    if len(ranked) > top + 1:
        lines.append(f"and {len(ranked) - top - 1} more: --top {len(ranked) - 1}")
    return lines


def _rows(info: Info, by: str) -> list[tuple[str, ...]]:
    usage = info.usage
    if by == "package":
        rows = [
            (p.name, p.version, p.kind, amount(p.file_size), amount(p.layer_size), str(p.environments))
            for p in usage.packages
        ]
        return [("PACKAGE", "VERSION", "KIND", "FILE", "LAYER", "ENVIRONMENTS"), *rows]
    if by == "layer":
        layers = [(u.blob[:12], u.title, amount(u.size), str(u.environments)) for u in usage.layers]
        return [("LAYER", "KIND", "SIZE", "IMAGES"), *layers]
    ranked = sorted(usage.environments, key=lambda e: -e.size)
    return [
        ("ENVIRONMENT", "USED", "IMAGE", "WITH PACKAGES", "ITS OWN"),
        *(
            (_called(e), _ago(e.used), amount(e.image_size), amount(e.size), amount(e.own))
            for e in ranked
        ),
    ]  # fmt: skip


def _called(environment: EnvironmentUsage) -> str:
    short = [n for n in environment.names if not n.endswith(environment.image[:12])]
    name = (short or [*environment.names] or [environment.image[:12]])[0]
    more = f" and {len(short) - 1} more names" if len(short) > 1 else ""
    return f"{name}{more}" + ("" if environment.complete else " (not whole)")


def _ago(moment: float) -> str:
    age = max(0.0, time.time() - moment)
    if age < 3600:
        return "in the last hour"
    return f"{int(age // 3600)} h ago" if age < 2 * 86400 else f"{int(age // 86400)} d ago"


def verify_document(verdict: Verdict) -> dict[str, Any]:
    """Findings, and with --repair what became of each."""
    checked = verdict.checked
    found = [{"subject": f.subject, "what": f.what, "note": f.note} for f in checked.findings]
    document = {
        "schema": 1, "ok": verdict.ok, "blobs": checked.blobs, "bytes": checked.size, "claims": checked.claims,
        "findings": found,
    }  # fmt: skip
    if verdict.repaired is not None:
        document["repaired"] = [
            {"subject": r.finding.subject, "outcome": r.outcome.value, "what": r.what} for r in verdict.repaired
        ]
    return document


def verify_words(verdict: Verdict) -> list[str]:
    """A line a finding, and a last one with the verdict."""
    checked = verdict.checked
    lines = [f"{'note: ' if f.note else ''}{f.subject}: {f.what}" for f in checked.findings]
    if verdict.repaired is not None:
        lines += [f"{r.outcome.value}: {r.finding.subject}: {r.what}" for r in verdict.repaired]
    looked = f"{checked.blobs} blobs ({amount(checked.size)}) and {checked.claims} claims checked"
    if verdict.repaired:
        count = Counter(r.outcome.value for r in verdict.repaired)
        return [*lines, f"{looked}: {', '.join(f'{n} {what}' for what, n in sorted(count.items()))}"]
    faults = len(checked.faults)
    advice = "; `envbuild cache verify --repair` brings back what can be" if faults else ""
    return [*lines, f"{looked}: {f'{faults} faults' if faults else 'all is well'}{advice}"]


def prune_document(swept: Swept, rules: Rules, *, dry_run: bool) -> dict[str, Any]:
    """What went (or would), by kind and by environment."""
    gone = swept.gone
    return {
        "schema": 1,
        "dry_run": dry_run,
        "freed_bytes": swept.freed,
        "left_bytes": swept.left,
        "kinds": {kind: {"count": n, "bytes": size} for kind, (n, size) in _by_kind(swept).items()},
        "environments": [{"image": f"sha256:{i}", "names": names} for i, names in _names(swept).items()],
        "blobs": [f"sha256:{b}" for b in gone.blobs],
        "claims": list(gone.claims),
        "folders": list(gone.folders),
        "refused": list(swept.refused),
        "over_bytes": _over(swept, rules),
    }


def prune_words(swept: Swept, rules: Rules, *, dry_run: bool) -> list[str]:
    """A line an environment and a kind, then the sum; what could not be had, and why."""
    verb = "would be removed" if dry_run else "removed"
    lines = [
        f"environment {names[0] if names else 'an image without a name'} ({i[:12]}) {verb}"
        for i, names in _names(swept).items()
    ]
    rows = [(kind, str(n), amount(size)) for kind, (n, size) in _by_kind(swept).items()]
    lines += table(rows).splitlines() if rows else []
    lines += [f"not removed: {text}" for text in swept.refused]
    lines.append(f"{'would free' if dry_run else 'freed'} {amount(swept.freed)}; {amount(swept.left)} stay")
    if over := _over(swept, rules):
        why = "in use now" if rules.everything else "kept by names or used within the hour (--all lets names go too)"
        lines.append(f"that is {amount(over)} more than was asked for: the rest is {why}")
    return lines


def _names(swept: Swept) -> dict[str, list[str]]:
    """What the environments that went were called, by image id."""
    names = swept.before.of_kind("name")
    return {i: [c.title for c in names if c.refers == i] for i in swept.gone.environments}


def _over(swept: Swept, rules: Rules) -> int:
    return 0 if rules.keep_bytes is None else max(0, swept.left - rules.keep_bytes)


def _by_kind(swept: Swept) -> dict[str, tuple[int, int]]:
    snapshot, gone = swept.before, swept.gone
    kinds = kinds_of(Reach(snapshot))
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for blob in gone.blobs:
        count[kinds[blob]] += 1
        size[kinds[blob]] += snapshot.blobs[blob].size
    for name in gone.claims:
        count["claims"] += 1
        size["claims"] += snapshot.claims[name].size
    for name in gone.folders:
        kind = FOLDER_KINDS[name.partition("/")[0]]
        count[kind] += 1
        size[kind] += snapshot.folders[name].size
    if swept.leftovers:
        count["leftovers"], size["leftovers"] = swept.leftovers, swept.leftover_bytes
    return {kind: (n, size[kind]) for kind, n in sorted(count.items())}
