"""Write a small table as Parquet, read it back, and print its mean by group."""

import io

import pandas as pd

table = pd.DataFrame({"group": ["a", "b", "a", "b"], "value": [1.0, 2.0, 3.0, 4.0]})
buffer = io.BytesIO()
table.to_parquet(buffer)
print(pd.read_parquet(buffer).groupby("group")["value"].mean().to_string())
