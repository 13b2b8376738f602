"""The variables by which a launcher tells its processes what they are; users set none of them."""

# Where the launcher listens, and the key of the job, or the private file that holds it.
ADDRESS = "GLUONLAB_LAUNCHER"
KEY = "GLUONLAB_LAUNCHER_KEY"
KEY_FILE = "GLUONLAB_LAUNCHER_KEY_FILE"
# The number of the attempt, from 1, and the limits for start-up and idling in seconds, as "600,120".
ATTEMPT = "GLUONLAB_ATTEMPT"
LIMITS = "GLUONLAB_LIMITS"
# The size of the job, the rank, the rank on this host, the processes on it: what Horovod and MPI have too.
PLACE = ("GLUONLAB_SIZE", "GLUONLAB_RANK", "GLUONLAB_LOCAL_RANK", "GLUONLAB_LOCAL_SIZE")
# Set if each process is to keep to its own share of the cores of its host.
BIND = "GLUONLAB_BIND_CORES"
# A private folder for the memory of their flight recorders, if all processes run on the host of the launcher.
RINGS = "GLUONLAB_RINGS"
# The command as the user typed it, for the record.
COMMAND = "GLUONLAB_COMMAND"
# The name of a job whose processes leave their state to its next start when one of them dies, and what the
# start before has left, as `checkpoint.inheritance` writes it.
HEIRS = "GLUONLAB_HEIRS"
INHERITANCE = "GLUONLAB_INHERITANCE"
# A name of the job, if it is to start over: once, and not again when it is restarted.
START_OVER = "GLUONLAB_START_OVER"
# For rank 0, which draws the progress bar and which Open MPI gives a terminal of its own: the terminal of the
# user, and its columns (0: the output goes elsewhere).
TERMINAL = "GLUONLAB_TERMINAL"
TERMINAL_WIDTH = "GLUONLAB_TERMINAL_WIDTH"
