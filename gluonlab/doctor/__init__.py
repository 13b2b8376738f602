"""What works on this machine, what does not, and what to type; works also where MXNet does not."""
