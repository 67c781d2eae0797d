import Files

/// What every call of this target on a file throws.
public typealias FileError = Files.FileError
