"""Starting P processes that form one world, watching them, and starting them again."""

from gluonlab.launch.hosts import Host
from gluonlab.launch.job import launch
from gluonlab.launch.plan import JobPlan

__all__ = ["Host", "JobPlan", "launch"]
