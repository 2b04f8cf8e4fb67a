//! Keys, signatures and sealed state for Vestibule.
