"""Starting P processes that form one world, watching them, and starting them again."""

from gluonlab.parallel.launch.job import launch
from gluonlab.parallel.launch.plan import Host, JobPlan

__all__ = ["Host", "JobPlan", "launch"]
