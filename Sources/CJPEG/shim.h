#pragma once
// Which jpeglib.h needs and does not include.
#include <stdio.h>

#include <jpeglib.h>
