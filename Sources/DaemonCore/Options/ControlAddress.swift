import Text
import Unix

/// Where a control socket is bound, as `--control-socket` names it: a path, behind which `mode`, `user` and `group` may
/// stand, as in `/run/x.sock,mode=660,group=adm`. Without a mode it is for its owner alone.
package struct ControlAddress: Hashable, Sendable, CustomStringConvertible {
    package var path: String
    package let options: AddressOptions

    /// As `init(parsing:)` reads it.
    package var description: String { OptionedAddress(path, options).description }

    /// The path as it is written: it may be relative.
    package init(parsing text: String) throws(OptionMistake) {
        let optioned: OptionedAddress
        do {
            optioned = try OptionedAddress(parsing: text)
        } catch {
            throw OptionMistake(error.reason(in: text))
        }
        (path, options) = (optioned.text, optioned.options)
        if path.isEmpty { throw OptionMistake("is empty") }
        for (word, _) in options.words where ![.mode, .user, .group].contains(word) {
            throw OptionMistake("has '\(word)', which is not for a control socket")
        }
    }

    /// The path counts from the caller's working directory.
    package init(locating text: String) throws(OptionMistake) {
        try self.init(parsing: text)
        path = try absolutePath(path)
    }
}
