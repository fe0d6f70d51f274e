"""Train a small classifier on data that comes with scikit-learn, and print how well it does."""

import platform
import sys

import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

frame = load_iris(as_frame=True).frame
train, test = train_test_split(frame, test_size=0.3, random_state=0, stratify=frame["target"])
features = [column for column in frame if column != "target"]
model = LogisticRegression(max_iter=1000).fit(train[features], train["target"])
accuracy = model.score(test[features], test["target"])

print(f"Python {platform.python_version()}, pandas {pd.__version__}, {sys.prefix}")
print(f"accuracy: {accuracy:.3f}")
