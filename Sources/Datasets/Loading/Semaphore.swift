import Glibc

/// A counting semaphore of POSIX's, which also orders memory between the threads that use it.
// Sound to share: sem_post and sem_wait are made for it. The memory lives as long as this object, which both sides
// hold.
final class Semaphore: @unchecked Sendable {
    private let handle = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(_ value: UInt32) {
        handle.initialize(to: sem_t())
        sem_init(handle, 0, value)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    func signal() { sem_post(handle) }

    func wait() {
        // A signal handler may interrupt the wait.
        while sem_wait(handle) != 0 {}
    }
}
