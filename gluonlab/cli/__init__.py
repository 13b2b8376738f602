"""The command line: one small file per verb; nothing heavy is imported until a verb runs."""
