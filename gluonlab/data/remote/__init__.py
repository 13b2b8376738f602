"""Files at addresses of the web and of object storage, kept in a bounded cache on this machine."""
