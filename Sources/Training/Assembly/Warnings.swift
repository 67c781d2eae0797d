import Logging

/// Where this target's warnings go, a line each: what does not end a run but is hardly meant. The program decides how
/// they are shown.
package let log = Logger(label: "crsam-dist")
