"""What a run tells: its files, the console, TensorBoard, figures, the HTML report and the list of runs."""
