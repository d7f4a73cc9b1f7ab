// no bundle
