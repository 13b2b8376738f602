"""The live page over runs: it reads their files, and writes none."""
