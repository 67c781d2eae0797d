import COneDNN

/// A oneDNN call that did not succeed.
package struct DNNLError: Error, Equatable, CustomStringConvertible {
    /// The raw `dnnl_status_t`.
    package let status: Int32
    /// The call, and what it was for.
    package let call: String

    package var description: String {
        let meaning =
            switch status {
            case 1: "out of memory"
            case 2: "invalid arguments"
            case 3: "not implemented for these shapes on this processor"
            case 5: "run-time error"
            default: "status \(status)"
            }
        return "oneDNN: \(call): \(meaning)"
    }
}

/// Throws unless `status` is success. The call's text is built only on failure.
package func check(_ status: Int32, _ call: @autoclosure () -> String) throws(DNNLError) {
    if status != 0 { throw DNNLError(status: status, call: call()) }
}

package func check(_ status: dnnl_status_t, _ call: @autoclosure () -> String) throws(DNNLError) {
    try check(Int32(bitPattern: status.rawValue), call())
}
