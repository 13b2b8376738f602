def Metric(key, value, timestamp, step):  # noqa: N802
    return [key, value, timestamp, step]


def Param(key, value):  # noqa: N802
    return [key, value]
