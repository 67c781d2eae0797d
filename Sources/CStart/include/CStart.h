// What has to be done before the libraries that the program is linked with initialize themselves; nothing to call.
