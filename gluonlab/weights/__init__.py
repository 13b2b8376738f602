"""Weight files of other projects, in and out: strict readers, names, exports, a store of verified files."""
