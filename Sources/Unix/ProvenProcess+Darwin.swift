#if canImport(Darwin)
import Darwin

/// libproc(3)
extension ProvenProcess {
    struct Facts {
        let parent: ProcessID
        /// Real, effective, saved.
        let users: [UserID]
        /// It is a zombie.
        let hasEnded: Bool
        /// Microseconds since 1970.
        let started: Int64
    }

    static func facts(of pid: ProcessID) -> Facts? {
        var info = unsafe proc_bsdinfo()
        let size = Int32(MemoryLayout<proc_bsdinfo>.size)
        guard unsafe proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, size) == size else { return nil }
        let started = unsafe Int64(truncatingIfNeeded: info.pbi_start_tvsec &* 1_000_000 &+ info.pbi_start_tvusec)
        return unsafe Facts(
            parent: ProcessID(bitPattern: info.pbi_ppid), users: [info.pbi_ruid, info.pbi_uid, info.pbi_svuid],
            hasEnded: info.pbi_status == UInt32(SZOMB), started: started)
    }

    static func name(of pid: ProcessID) -> String? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe proc_name(pid, &bytes, UInt32(bytes.count))
        return count > 0 ? String(decoding: bytes.prefix(Int(count)), as: UTF8.self) : nil
    }

    static func process(behind descriptor: Int32) -> ProcessID? { nil }

    /// The system does not tell who has a lock: to have the file open must do.
    static func checkLock(of pid: ProcessID, on file: FileStatus.Identity) throws(Failure) {
        let size = unsafe proc_pidinfo(pid, PROC_PIDLISTFDS, 0, nil, 0)
        guard size > 0 else { throw .unseen(.current) }
        let stride = MemoryLayout<proc_fdinfo>.stride
        var entries = unsafe [proc_fdinfo](repeating: proc_fdinfo(), count: Int(size) / stride + 16)
        let filled = unsafe proc_pidinfo(pid, PROC_PIDLISTFDS, 0, &entries, Int32(entries.count * stride))
        guard filled > 0 else { throw .unseen(.current) }
        for entry in unsafe entries.prefix(Int(filled) / stride) where unsafe entry.proc_fdtype == PROX_FDTYPE_VNODE {
            var vnode = unsafe vnode_fdinfo()
            let size = Int32(MemoryLayout<vnode_fdinfo>.size)
            let number = unsafe entry.proc_fd
            guard unsafe proc_pidfdinfo(pid, number, PROC_PIDFDVNODEINFO, &vnode, size) == size else { continue }
            let status = unsafe vnode.pvi.vi_stat
            guard unsafe dev_t(bitPattern: status.vst_dev) == file.device, unsafe status.vst_ino == file.inode
            else { continue }
            return
        }
        throw .refuted
    }
}
#endif
