import DaemonCore
import Supervision

/// An answer that is made piece by piece, as its client reads it: no piece takes longer than a few children do, and no
/// more of the text is in memory than the client has still to read.
package protocol ControlReport: AnyObject {
    /// What comes next, which may be nothing yet; nil at the end.
    func next() -> String?
    /// How many bytes it keeps meanwhile.
    var size: Int { get }
    /// For the next image of this process, which goes on with it; named `report`.
    var record: StateRecord { get }
}
