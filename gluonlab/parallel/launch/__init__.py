"""Starting P processes that form one world, watching them, and starting them again."""

from gluonlab.parallel.launch.hosts import Host
from gluonlab.parallel.launch.job import launch
from gluonlab.parallel.launch.plan import JobPlan

__all__ = ["Host", "JobPlan", "launch"]
