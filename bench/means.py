"""The geometric means of what `compare` has measured."""

import math


def means(results):
    """[(peer, workers, mean, number of benches)]: of the ratios of all times, each bench once."""
    ratios = {}
    for result in results:
        if result["unit"].startswith("ns") and result["ratio"]:
            key = (result["peer"], result["workers"])
            ratios.setdefault(key, {}).setdefault(result["bench"], []).append(math.log(result["ratio"]))
    found = []
    for (peer, workers), benches in ratios.items():
        if len(benches) > 1:
            each = [sum(logs) / len(logs) for logs in benches.values()]
            found.append((peer, workers, math.exp(sum(each) / len(each)), len(each)))
    return found
