import subprocess
import sys


def test_pytorch_is_not_imported_for_an_event_file(tmp_path):
    """tensorboardX takes it where it finds it: seconds of each start, and a crash after Horovod."""
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')\n")
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(tmp_path)!r})
from gluonlab.reporting.tensorboard import TensorBoardLog
log = TensorBoardLog(Path({str(tmp_path / "events")!r}))
log.add("train", 1, {{"loss": 1.0}})
log.close()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(list((tmp_path / "events").iterdir())) == 1
