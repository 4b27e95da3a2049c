mod hostile;
mod resumed;
mod simulated;
mod taken;
