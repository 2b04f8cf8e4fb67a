//! Accessible, translatable pages for Vestibule.
